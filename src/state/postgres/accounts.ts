import type { RecordedAccount } from '../change-log.ts';
import type { StateDatabase } from './database.ts';

/** How long a key counts as one of an unknown customer before the API is asked again, in minutes. */
const recheckMinutes = 10;

/** The key of the lock under which keys are assigned to accounts: "ciac" in ASCII. */
const accountsLock = 0x63696163;

/**
 * Returns the account that a management key belongs to, as the record identifies it: by the first key of the same customer. Otherwise
 * machines with different keys wouldn't see that they change the same account.
 *
 * @param own - the account as identified by its key alone
 * @param customer - asks the API what identifies the customer, as a hash; undefined if it doesn't say
 * @throws CommandError
 */
export async function sharedAccount(
  database: StateDatabase,
  own: RecordedAccount,
  customer: () => Promise<string | undefined>,
): Promise<RecordedAccount> {
  const { schema } = database.address;
  const [known] = await database.rows<{ account: string }>(
    `select account from ${schema}.accounts
     where key = $1 and (customer is not null or checked_at > clock_timestamp() - make_interval(mins => $2))`,
    [own.id, recheckMinutes],
  );
  if (known) return { ...own, id: known.account };
  const hash = await customer();
  const id = await database.transaction(async (statements) => {
    await statements.rows('select pg_advisory_xact_lock($1)', [accountsLock]);
    const [first] = await statements.rows<{ account: string }>(
      `select account from ${schema}.accounts where customer = $1 order by checked_at limit 1`,
      [hash ?? null],
    );
    const account = first?.account ?? own.id;
    await statements.rows(
      `insert into ${schema}.accounts (key, account, label, customer, checked_at) values ($1, $2, $3, $4, clock_timestamp())
       on conflict (key) do update set account = excluded.account, customer = excluded.customer, checked_at = excluded.checked_at`,
      [own.id, account, own.label, hash ?? null],
    );
    if (account !== own.id) {
      await statements.rows(`update ${schema}.changes set account = $1 where account = $2`, [account, own.id]);
      await statements.rows(
        `update ${schema}.rotations set account = $1, rotation = jsonb_set(rotation::jsonb, '{account}', to_jsonb($1::text))::json
         where account = $2
           and not exists (select from ${schema}.rotations as other where other.account = $1 and other.key = rotations.key)`,
        [account, own.id],
      );
    }
    return account;
  });
  return { ...own, id };
}

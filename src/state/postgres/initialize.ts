import { CommandError, codeOf } from '../../domain/errors.ts';
import type { StateDatabase, Statements } from './database.ts';
import { checkVersion, schemaVersion, upgradeSql } from './schema.ts';

/** The key of the lock that keeps two processes from creating the tables at once: "cist" in ASCII. */
const initLock = 0x63697374;

/** The code for a missing privilege (PostgreSQL documentation, appendix A). */
const missingPrivilege = '42501';

/** What became of the tables. */
export interface Initialized {
  /** The version before; 0: there were no tables. */
  readonly from: number;
  readonly to: number;
}

/**
 * Creates or upgrades the tables, in one transaction. A role that may not create a schema needs one that it owns.
 *
 * @throws CommandError (unavailable) if a newer version of `ci` made them; (state_unreachable), also if the role lacks privileges
 */
export async function initialize(database: StateDatabase): Promise<Initialized> {
  try {
    return await createTables(database);
  } catch (error) {
    if (error instanceof CommandError && codeOf(error.cause) === missingPrivilege)
      throw lacksPrivileges(database, error);
    throw error;
  }
}

function lacksPrivileges({ address: { schema, user, label } }: StateDatabase, cause: unknown): CommandError {
  return new CommandError(
    'state_unreachable',
    `The role ${user} may not create the tables in the schema ${schema} of the state database ${label}`,
    {
      hint: `Nothing was changed. Make the role the owner of the schema, or let a person with more rights run what \`ci state init --sql\` prints.`,
      outcome: 'not_applied',
      cause,
    },
  );
}

function createTables(database: StateDatabase): Promise<Initialized> {
  const { schema } = database.address;
  return database.transaction(async (statements) => {
    await statements.rows('select pg_advisory_xact_lock($1)', [initLock]);
    const [exists] = await statements.rows<{ has_schema: boolean }>(
      'select to_regnamespace($1) is not null as has_schema',
      [schema],
    );
    if (!exists?.has_schema) await statements.rows(`create schema ${schema}`);
    const from = await versionOf(statements, schema);
    if (from > schemaVersion) checkVersion(database.address, from);
    if (from < schemaVersion) await statements.rows(upgradeSql(schema, from));
    return { from, to: schemaVersion };
  });
}

/** Returns the version of the tables; 0 if there are none. */
export async function versionOf(statements: Statements, schema: string): Promise<number> {
  const [exists] = await statements.rows<{ has_tables: boolean }>('select to_regclass($1) is not null as has_tables', [
    `${schema}.schema_version`,
  ]);
  if (!exists?.has_tables) return 0;
  const [row] = await statements.rows<{ version: number }>(`select version from ${schema}.schema_version`);
  return row?.version ?? 0;
}

import { usageError } from '../../domain/errors.ts';
import { inWords } from '../../output/text.ts';
import type { Destination } from './destination.ts';
import { type DestinationName, destinationKinds } from './destination-kinds.ts';
import { defaultVariable } from './dotenv-file.ts';
import { cloudflareSecret, flySecret, githubSecret, gitlabVariable, vercelVariable } from './hosted-secrets.ts';
import { KubernetesManifest, kubernetesSecret, type SecretName } from './kubernetes.ts';
import { type ProgramContext, ProgramDestination, type SecretPlace, variablesOf } from './program-destination.ts';
import { SeveralDestinations } from './several-destinations.ts';
import { credentialName, SystemdCredential } from './systemd-credential.ts';

/** How to write a secret to a destination. */
export interface DestinationOptions {
  /** The name of the secret there. */
  readonly variable?: string | undefined;
  /** Whether to replace another secret without asking. */
  readonly force?: boolean | undefined;
}

/**
 * Returns the destination that writes to several others: those before, and those that the values of `--to` name.
 *
 * @throws CommandError (usage)
 */
export function destinationsOf(
  context: ProgramContext,
  before: readonly Destination[],
  texts: readonly string[],
  options: DestinationOptions,
): Destination {
  const named = [...new Set(texts)].map((text) => parseDestination(context, text, options));
  if (named.filter((each) => each instanceof KubernetesManifest).length > 1) {
    throw usageError('Only one manifest can be printed', 'Pass kubernetes-manifest once.');
  }
  const all = [...before, ...named];
  const [only] = all;
  return only && all.length === 1 ? only : new SeveralDestinations(all);
}

/**
 * Returns the destination of one of many keys, as a value of `--to` names it. The manifests of many keys can't be printed.
 *
 * @throws CommandError (usage)
 */
export function destinationOfRow(context: ProgramContext, text: string, options: DestinationOptions): Destination {
  const destination = parseDestination(context, text, options);
  if (destination instanceof KubernetesManifest) {
    throw usageError(`"${text}" prints a manifest, which a row of a file can't do`, 'Use kubernetes:NAMESPACE/NAME.');
  }
  return destination;
}

/**
 * Returns the destination that a value of `--to` names.
 *
 * @throws CommandError (usage)
 */
function parseDestination(
  context: ProgramContext,
  text: string,
  { variable = defaultVariable, force = false }: DestinationOptions = {},
): Destination {
  const [, name = '', colon, rest = ''] = /^([^:@]*)(:?)(.*)$/s.exec(text) ?? [];
  const kind = destinationKinds.find((each) => each.name === name);
  if (!kind) {
    const names = destinationKinds.map((each) => each.name);
    throw usageError(
      `"${text}" is not a valid destination`,
      `Choose ${inWords(names, 'or')}, as in --to ${destinationKinds[0].example}.`,
    );
  }
  const invalid = () =>
    usageError(`"${text}" is not a valid destination`, `Use ${kind.form}, as in --to ${kind.example}.`);
  const target = colon ? rest : undefined;
  const place = (found: SecretPlace) => new ProgramDestination(context, found, force);
  const parsers: Readonly<Record<DestinationName, () => Destination>> = {
    github() {
      const parts = githubTarget.exec(text.slice(name.length));
      if (!parts) throw invalid();
      const [, repository, environment] = parts;
      return place(githubSecret({ repository, environment }, variable));
    },
    gitlab() {
      if (text !== name) throw invalid();
      return place(gitlabVariable(variable));
    },
    vercel() {
      if (!isWord(target)) throw invalid();
      return place(vercelVariable(target, variable));
    },
    fly() {
      if (text !== name && !isWord(target)) throw invalid();
      return place(flySecret(target, variable));
    },
    cloudflare() {
      if (text !== name && !isWord(target)) throw invalid();
      return place(cloudflareSecret(target, variable));
    },
    kubernetes: () => place(kubernetesSecret(secretName(target, invalid), variable)),
    'kubernetes-manifest'() {
      const secret = secretName(target, invalid);
      const { format } = context.output;
      if (format === 'json' || format === 'csv') {
        throw usageError(
          `${name} prints YAML, and can't be combined with ${format === 'json' ? 'JSON' : 'CSV'} output`,
          'Pass --output yaml instead, or choose another destination.',
        );
      }
      return new KubernetesManifest(context, secret, variable);
    },
    systemd() {
      if (target === undefined || target.endsWith('/') || !isCredentialName(credentialName(target))) throw invalid();
      return new SystemdCredential(context, target, force);
    },
    command() {
      if (target === undefined || !/^[^\s\p{Cc}-][^\p{Cc}]*$/u.test(target)) throw invalid();
      return place(commandPlace(target));
    },
  };
  return parsers[kind.name]();
}

/** Matches what may follow `github`: a repository, maybe with its host, and an environment. Nothing may look like an option. */
const githubTarget = /^(?::((?:[\w.][\w.-]*\/){1,2}[\w.][\w.-]*))?(?:@([^\s\p{Cc}-][^\p{Cc}]*))?$/u;

/** Returns whether a target is a name that no program takes for an option. */
function isWord(target: string | undefined): target is string {
  return target !== undefined && /^[A-Za-z0-9_][\w-]*$/.test(target);
}

/** Returns the Secret that a target names. @param invalid - returns the error for anything else */
function secretName(target: string | undefined, invalid: () => Error): SecretName {
  // Source: Kubernetes, "Object Names and IDs": a label for namespaces, a subdomain for Secrets.
  const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
  const [, namespace, name] = new RegExp(`^(${label})/(${label}(?:\\.${label})*)$`).exec(target ?? '') ?? [];
  if (namespace === undefined || name === undefined) throw invalid();
  return { namespace, name };
}

/** Returns whether a unit can refer to a credential by this name. */
function isCredentialName(name: string): boolean {
  return /^[A-Za-z0-9_][\w.@-]*$/.test(name);
}

/** Returns a program of the user's, which does what it wants with the secret. */
function commandPlace(file: string): SecretPlace {
  return {
    program: { name: file, setUp: 'Pass the path of an executable file, or the name of a program on your PATH.' },
    name: `program ${file}`,
    words: `passed to the program ${file}`,
    option: `command:${file}`,
    check: async () => false,
    write: async (run, secret, _replaces, key) => void (await run([], secret, variablesOf(key))),
  };
}

/** The global options, as commander parses them. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly output?: string;
  readonly fields?: string;
  readonly jq?: string;
  readonly profile?: string;
  readonly apiUrl?: string;
  readonly sandbox?: boolean;
  readonly offline?: boolean;
  readonly timeout?: string;
  readonly input: boolean;
  readonly yes?: boolean;
  readonly color: boolean;
  readonly debug?: boolean;
}

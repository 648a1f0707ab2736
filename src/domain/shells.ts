/** The shells that completion supports. */
export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;

export type Shell = (typeof shells)[number];

/** The kinds of shells that evaluate the output of `ci env`. */
export const evaluatingShells = ['sh', 'fish', 'powershell'] as const;

export type EvaluatingShell = (typeof evaluatingShells)[number];

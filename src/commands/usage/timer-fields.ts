/** The fields of what `ci usage snapshot --install` and `--uninstall` did. */
export const timerFields = ['status', 'timer', 'place', 'running', 'problem', 'text'] as const;

/** What happens to requests outside the hours of all seats. */
export const outsideChoices = ['fail', 'wait', 'credit'] as const;

export type Outside = (typeof outsideChoices)[number];

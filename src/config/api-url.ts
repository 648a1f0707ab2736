/** The default API URL. */
export const defaultApiUrl = 'https://api.cheapestinference.com';

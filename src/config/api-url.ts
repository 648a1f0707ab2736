/** Where the API is unless something says otherwise. */
export const defaultApiUrl = 'https://api.cheapestinference.com';

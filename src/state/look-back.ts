const day = 24 * 3_600_000;

/**
 * How far back commands look at changes that are settled, in milliseconds. Payments, which are compared with the last one however long
 * ago it was, are an exception.
 */
export const longestLookBack = 30 * day;

/** The age from which settled changes may be removed, in milliseconds. */
export const shortestRetention = longestLookBack + day;

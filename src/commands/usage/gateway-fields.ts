/** The fields of the usage of a client of the gateway. */
export const gatewayFields = [
  'client',
  'model',
  'requests',
  'creditRequests',
  'promptTokens',
  'completionTokens',
] as const;

/** The part of undici that the gateway needs. The whole package is twice as large. */
declare module 'undici/lib/dispatcher/agent.js' {
  import { Agent } from 'undici';

  export default Agent;
}

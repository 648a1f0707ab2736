// Runs the stand-in API of the gateway benchmark.
import { answerCalls } from './calls.mjs';

const { SeatApi } = await import(process.argv[2]);
const api = new SeatApi(JSON.parse(process.argv[3]));

answerCalls({
  start: () => api.start(),
  setLoad: (load) => api.setLoad(load),
  resetCounts: () => api.resetCounts(),
  report: () => api.report(),
});

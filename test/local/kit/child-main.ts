/** A runtime in a process of its own, for tests that kill it: `node child-main.ts CDK_OUT STATE_DIR`; prints its addresses as one line of JSON. */
import { startRuntime } from '#local/runtime.ts';

const [cdkOut = '', stateDir = ''] = process.argv.slice(2);
const runtime = await startRuntime({ cdkOut, stateDir, port: 0, streamRetryMs: 20 });
console.log(JSON.stringify({ url: runtime.url, awsEndpoint: runtime.awsEndpoint, operator: runtime.operator }));
process.on('SIGTERM', async () => {
  await runtime.stop();
  process.exit(0);
});

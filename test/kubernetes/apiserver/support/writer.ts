/** A process of its own with an API server, for tests that kill it: prints `URL CA` as one JSON line. */
import { startApiServer } from '../../../../local/kubernetes/apiserver/server.ts';

const [dir] = process.argv.slice(2);
const { url, caPem } = await startApiServer({ dir: dir!, version: '1.35', adminToken: 'admin-token-for-tests' });
console.log(JSON.stringify({ url, caPem }));

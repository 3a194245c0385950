/** The program behind the test image: answers over HTTP what it was started with, and does what a test asks of it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { POD_IP = '127.0.0.1', PORT = '8080', CRASH } = process.env;
console.log(`started ${process.env.GREETING ?? ''}`.trim());
if (CRASH) {
  console.error('crashing');
  process.exit(Number(CRASH));
}
const flag = (name) => `${process.env.HOME}/${name}`;
createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  if (url.pathname === '/file') return response.end(readFileSync(url.searchParams.get('path')));
  if (url.pathname === '/flag') return writeFileSync(flag(url.searchParams.get('name')), '') ?? response.end('ok');
  if (url.pathname === '/exit') return process.exit(Number(url.searchParams.get('code')));
  if (url.pathname === '/ready') return response.writeHead(existsSync(flag('ready')) ? 200 : 503).end();
  if (url.pathname === '/alive') return response.writeHead(existsSync(flag('sick')) ? 500 : 200).end();
  if (url.pathname === '/say') return console.log(url.searchParams.get('text')) ?? response.end('ok');
  response.end(JSON.stringify({ env: process.env, args: process.argv.slice(2), pid: process.pid }));
}).listen(Number(PORT), POD_IP, () => console.log('listening'));
process.on('SIGTERM', () => {
  console.log('bye');
  process.exit(0);
});

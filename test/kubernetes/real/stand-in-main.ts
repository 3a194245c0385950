/** Stands in for etcd and kube-apiserver: prints its flags, and as kube-apiserver serves with the certificate, keys, tokens and port of its flags. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { startApiServer } from '#local/kubernetes/apiserver/server.ts';

const [program, ...given] = process.argv.slice(2);
const flags = new Map(
  given.map((flag) => {
    const [, name, value] = /^--([a-z-]+)=(.*)$/.exec(flag) ?? [];
    if (name === undefined || value === undefined) throw new Error(`unknown flag: ${flag}`);
    return [name, value] as const;
  }),
);
const flag = (name: string): string => {
  const value = flags.get(name);
  if (value === undefined) throw new Error(`--${name} is required`);
  return value;
};
console.log(given.join('\n'));

function etcd(): void {
  const url = new URL(flag('listen-client-urls'));
  mkdirSync(flag('data-dir'), { recursive: true });
  createServer((_, response) => response.end('etcd')).listen(Number(url.port), url.hostname);
  process.on('SIGTERM', () => {
    writeFileSync(join(flag('data-dir'), 'ended'), String(process.hrtime.bigint()));
    process.exit(0);
  });
}

async function kubeApiServer(): Promise<void> {
  const dir = dirname(flag('tls-cert-file'));
  const users = readFileSync(flag('token-auth-file'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(1, -1).split('","') as [string, string, string, string]);
  const [[adminToken] = [''], ...others] = users;
  const webhook = flags.get('authentication-token-webhook-config-file');
  const server = await startApiServer({
    dir,
    version: '1.36',
    port: Number(flag('secure-port')),
    adminToken,
    components: Object.fromEntries(
      others.map(([token, user, uid, groups]) => [uid, { token, user, groups: groups.split(',') }]),
    ),
    ...(webhook && { tokenWebhook: JSON.parse(readFileSync(webhook, 'utf8')).clusters[0].cluster.server }),
  });
  process.on('SIGTERM', async () => {
    // Only while its etcd still answers was it stopped in order.
    const alive = await fetch(flag('etcd-servers')).then(
      () => 'etcd alive',
      () => 'etcd gone',
    );
    writeFileSync(join(dirname(flag('token-auth-file')), 'api-server-ended'), alive);
    await server.stop();
    process.exit(0);
  });
}

if (program === 'etcd') etcd();
else await kubeApiServer();

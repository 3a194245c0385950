/** Who a cluster's caller is: TokenReview over presigned GetCallerIdentity tokens, as aws-iam-authenticator in EKS does it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Iam } from '#local/plugin.ts';
import { type ApiRequest, type Caller, REGION } from '#local/types.ts';
import { policyGroup } from './objects.ts';
import type { AccessEntryRecord, Store } from './store.ts';

const PREFIX = 'k8s-aws-v1.';
/** Longer tokens are refused (aws-iam-authenticator, pkg/token). */
const MAX_TOKEN = 4096;
const LIFE_MS = 15 * 60_000;
/** The only query parameters that a token may have, in lower case (same source). */
const PARAMETERS = new Set([
  ...[
    'action',
    'version',
    'x-amz-algorithm',
    'x-amz-credential',
    'x-amz-date',
    'x-amz-expires',
    'x-amz-security-token',
  ],
  ...['x-amz-signature', 'x-amz-signedheaders'],
]);

/** What a TokenReview says of a user. */
export interface User {
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

const amzDate = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

/** The request that a token stands for. Throws an Error with the reason why it is none. */
export function requestOf(token: string, cluster: string, hosts: readonly string[], now: number): ApiRequest {
  if (!token.startsWith(PREFIX) || token.length > MAX_TOKEN) throw new Error('not a token of EKS');
  const url = new URL(Buffer.from(token.slice(PREFIX.length), 'base64url').toString());
  if (!hosts.includes(url.host)) throw new Error(`unexpected host ${url.host}; allowed: ${hosts.join(', ')}`);
  if (url.pathname !== '/') throw new Error('unexpected path');
  const lower = new Map([...url.searchParams].map(([name, value]) => [name.toLowerCase(), value]));
  const strange = [...lower.keys()].filter((name) => !PARAMETERS.has(name));
  if (strange.length > 0 || lower.size !== url.searchParams.size)
    throw new Error(`query parameters not allowed: ${strange.join(', ')}`);
  if (lower.get('action') !== 'GetCallerIdentity') throw new Error('unexpected action');
  if (!(lower.get('x-amz-signedheaders') ?? '').split(';').includes('x-k8s-aws-id'))
    throw new Error('the cluster is not signed');
  const age = now - amzDate(lower.get('x-amz-date') ?? '');
  if (!(age <= LIFE_MS && age >= -LIFE_MS)) throw new Error('too old');
  return {
    method: 'GET',
    path: '/',
    query: url.searchParams,
    headers: { host: url.host, 'x-k8s-aws-id': cluster },
    body: Buffer.alloc(0),
  };
}

/** The user that an access entry makes of a caller. */
export function userOf(entry: AccessEntryRecord, caller: Caller): User {
  const username = entry.username
    .replaceAll('{{SessionName}}', caller.sessionName.replaceAll('@', '-'))
    .replaceAll('{{SessionNameRaw}}', caller.sessionName);
  return {
    username,
    uid: `aws-iam-authenticator:${caller.roleArn}`,
    groups: [...entry.groups, ...Object.keys(entry.policies).map(policyGroup), 'system:authenticated'],
    extra: { arn: [caller.principalArn], canonicalArn: [caller.roleArn], sessionName: [caller.sessionName] },
  };
}

/** The webhook of all clusters. */
export interface TokenWebhook {
  url(cluster: string): string;
  close(): Promise<void>;
}

/** Listens on a free loopback port; a cluster asks at `/CLUSTER`. `hosts` are what tokens may be presigned for. */
export async function startTokenWebhook(iam: Iam, store: Store, endpoint: string): Promise<TokenWebhook> {
  const hosts = [`sts.${REGION}.amazonaws.com`, new URL(endpoint).host];
  async function review(cluster: string, token: string): Promise<object> {
    try {
      const caller = await iam.authenticate(requestOf(token, cluster, hosts, Date.now()));
      const entry = store.entries.get(`${cluster}/${caller.roleArn}`);
      if (!entry) throw new Error(`no access entry for ${caller.roleArn}`);
      return { authenticated: true, user: userOf(entry, caller) };
    } catch (error) {
      return { authenticated: false, error: (error as Error).message };
    }
  }
  const server = createServer(async (request, response) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { apiVersion, kind, spec } = JSON.parse(Buffer.concat(chunks).toString());
      const status = await review(decodeURIComponent(request.url!.slice(1)), String(spec?.token));
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ apiVersion, kind, status }));
    } catch {
      response.writeHead(400).end('a TokenReview is expected');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (cluster) => `http://127.0.0.1:${port}/${encodeURIComponent(cluster)}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

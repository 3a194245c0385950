/** A bare endpoint for tests of one API: finds it by credential scope, asks `allowed` for each check, trusts the signature. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ACCOUNT, type AwsApi, AwsError, type Caller, type Check } from '#local/types.ts';

/** What the tests' requests are signed with; nothing checks it. */
export const credentials = { accessKeyId: 'AKIATESTAPI', secretAccessKey: 'test' };

export const caller = (role = 'tester', sessionName = 'test'): Caller => ({
  roleArn: `arn:aws:iam::${ACCOUNT}:role/${role}`,
  sessionName,
  principalArn: `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/${sessionName}`,
});

/** Serves APIs on a free loopback port; every check asked is kept in `asked`. */
export async function serveApis(apis: readonly AwsApi[], allowed: (check: Check) => boolean = () => true) {
  const asked: Check[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url!, 'http://localhost');
    const scope = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? '')?.[1];
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const ask = {
      method: request.method!,
      path: url.pathname,
      query: url.searchParams,
      headers,
      body: Buffer.concat(chunks),
    };
    const api = apis.find((one) => (scope ? one.service === scope : one.claims?.(ask)));
    if (!api) return response.writeHead(404).end(`no API for ${scope ?? request.url}`);
    const answer = await (async () => {
      try {
        const call = api.parse(ask);
        if (!scope && !api.public?.(call)) throw new AwsError('MissingAuthenticationToken', 'unsigned', 403);
        for (const check of scope ? await api.checks(call, caller()) : []) {
          asked.push(check);
          if (!allowed(check))
            throw new AwsError('AccessDeniedException', `not allowed: ${check.action} on ${check.resource}`, 403);
        }
        return await api.run(call, caller(), ask);
      } catch (error) {
        if (error instanceof AwsError) return api.fail(error);
        console.error(error);
        return { status: 500, body: String(error) };
      }
    })();
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Calls to an embedded cluster's API as its administrator: enough to make and remove the objects that EKS itself brings. */
import { request } from 'node:https';

/** Where a cluster answers and how it is trusted. */
export interface Access {
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
}

/** An answer with its status, body parsed. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: any Kubernetes object
  readonly body: any;
}

/** One call. Rejects only when the server cannot be reached. */
export function call(access: Access, method: string, path: string, body?: object): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { authorization: `Bearer ${access.token}`, ...(body && { 'content-type': 'application/json' }) };
  const outgoing = request(
    new URL(path, access.server),
    { method, headers, ca: access.caPem, agent: false },
    async (response) => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : text });
      } catch (error) {
        reject(error);
      }
    },
  );
  outgoing.on('error', reject);
  outgoing.end(body && JSON.stringify(body));
  return promise;
}

/** Makes an object unless it is there; waits up to ten seconds for a kind that is only just defined. */
export async function ensure(access: Access, collection: string, object: object): Promise<void> {
  for (const end = Date.now() + 10_000; ; ) {
    const { status, body } = await call(access, 'POST', collection, object);
    if (status < 300 || status === 409) return;
    if (status !== 404 || Date.now() > end) throw new Error(`POST ${collection}: ${status} ${body?.message ?? ''}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

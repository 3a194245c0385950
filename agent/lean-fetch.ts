/** As much of `fetch` as the contract's client uses, over node:https: the built-in one alone takes 5 of the agent's 100 MB. */
import http from 'node:http';
import https from 'node:https';

export interface LeanFetchOptions {
  /** Milliseconds until an answer must be there. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Follows no redirect: what goes along holds a token. The global agents are used, which follow HTTPS_PROXY where they are told to. */
export const leanFetch =
  ({ timeoutMs, signal }: LeanFetchOptions): typeof globalThis.fetch =>
  async (url, init = {}) => {
    const answer = Promise.withResolvers<{ status: number; headers: http.IncomingHttpHeaders; body: string }>();
    const send = String(url).startsWith('https:') ? https.request : http.request;
    const request = send(String(url), {
      method: init.method ?? 'GET',
      headers: init.headers as http.OutgoingHttpHeaders,
      signal,
    });
    const limit = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    request.on('error', answer.reject).on('response', (response) => {
      let body = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          body += chunk;
        })
        .on('error', answer.reject)
        .on('end', () => answer.resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.end(init.body as string | undefined);
    try {
      const { status, headers, body } = await answer.promise;
      return {
        status,
        ok: status >= 200 && status <= 299,
        headers: { get: (name: string) => headers[name.toLowerCase()] ?? null },
        text: async () => body,
        json: async () => JSON.parse(body) as unknown,
      } as unknown as Response;
    } finally {
      clearTimeout(limit);
    }
  };

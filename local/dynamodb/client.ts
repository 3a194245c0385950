/** Calls of DynamoDB Local by ourselves and on behalf of functions, over kept connections. */
import { Agent, request } from 'node:http';
import { type ApiReply, AwsError } from '#local/types.ts';

/** Raw access to the child. */
export interface Dynamo {
  /** One call: `target` is e.g. `DynamoDB_20120810.GetItem`. */
  forward(target: string, body: string | Buffer): Promise<ApiReply>;
  // biome-ignore lint/suspicious/noExplicitAny: DynamoDB's own JSON
  call(operation: string, input: unknown): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: DynamoDB's own JSON
  stream(operation: string, input: unknown): Promise<any>;
  close(): void;
}

/** Where a DynamoDB Local answers, and as whom it is asked: one that is not shared keeps the tables of each access key (letters and digits) apart. */
export interface DynamoAddress {
  readonly url: string;
  readonly accessKeyId?: string;
}

export function connectDynamo({ url, accessKeyId = 'local' }: DynamoAddress): Dynamo {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const { hostname, port } = new URL(url);
  // DynamoDB Local wants a signature to be there and does not look at it.
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0`;
  const forward = (target: string, body: string | Buffer): Promise<ApiReply> =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/x-amz-json-1.0',
        'content-length': Buffer.byteLength(body),
        'x-amz-target': target,
        authorization,
      };
      const asked = request({ hostname, port, method: 'POST', path: '/', agent, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode!,
            headers: { 'content-type': 'application/x-amz-json-1.0' },
            body: Buffer.concat(chunks),
          }),
        );
      });
      asked.on('error', reject);
      asked.end(body);
    });
  const call = async (target: string, input: unknown): Promise<unknown> => {
    const { status, body } = await forward(target, JSON.stringify(input));
    const answer = JSON.parse(String(body) || '{}') as { __type?: string; message?: string; Message?: string };
    if (status < 400) return answer;
    const code = answer.__type?.split('#').at(-1) ?? 'InternalServerError';
    throw new AwsError(code, answer.message ?? answer.Message ?? code, status);
  };
  return {
    forward,
    call: (operation, input) => call(`DynamoDB_20120810.${operation}`, input),
    stream: (operation, input) => call(`DynamoDBStreams_20120810.${operation}`, input),
    close: () => agent.destroy(),
  };
}

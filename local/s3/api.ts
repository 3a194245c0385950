/** The S3 API: PutObject, GetObject and HeadObject, path style. */
import type { LocalIam } from '#local/iam/iam.ts';
import { type ApiReply, type ApiRequest, type AwsApi, AwsError, type Check } from '#local/types.ts';
import { decodeChunked } from './chunked.ts';
import type { ObjectStore } from './store.ts';

const OPERATIONS: Readonly<Record<string, string>> = { PUT: 'PutObject', GET: 'GetObject', HEAD: 'HeadObject' };
/** IAM has no s3:HeadObject: who may read may look. */
const ACTIONS: Readonly<Record<string, string>> = {
  PutObject: 's3:PutObject',
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
};

const xml = (text: string): string =>
  text.replace(/[<>&"]/g, (one) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[one]!);

const metadataOf = ({ headers }: ApiRequest): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-')));

export function s3Api(objects: ObjectStore, iam: LocalIam): AwsApi {
  return {
    service: 's3',
    denied: { code: 'AccessDenied', status: 403 },
    parse({ method, path, query }) {
      const operation = OPERATIONS[method];
      const [, bucket = '', rest = ''] = /^\/([^/]+)\/(.+)$/.exec(path) ?? [];
      const others = [...query.keys()].filter((name) => name !== 'x-id' && !name.startsWith('X-Amz-'));
      if (!operation || !rest || others.length > 0)
        throw new AwsError(
          'NotImplemented',
          `S3 here answers PutObject, GetObject and HeadObject; given: ${method} ${path}`,
          501,
        );
      return { operation, input: { Bucket: bucket, Key: decodeURIComponent(rest) } };
    },
    checks: ({ operation, input }): Check[] => [
      { action: ACTIONS[operation]!, resource: `arn:aws:s3:::${input.Bucket}/${input.Key}` },
    ],
    async run(call, caller, request): Promise<ApiReply> {
      const { Bucket, Key } = call.input as { Bucket: string; Key: string };
      const [check] = this.checks(call, caller) as Check[];
      if (iam.resourceVerdict(caller, check!, `arn:aws:s3:::${Bucket}`) === 'explicitDeny')
        throw new AwsError(
          'AccessDenied',
          `User: ${caller.principalArn} is not authorized to perform: ${check!.action} on resource: ${check!.resource} with an explicit deny in a resource-based policy`,
          403,
        );
      if (call.operation === 'PutObject') {
        const chunked = request.headers['x-amz-content-sha256']?.startsWith('STREAMING-') ?? false;
        const { etag } = objects.put(Bucket, Key, {
          body: chunked ? decodeChunked(request.body) : request.body,
          contentType: request.headers['content-type'] ?? 'application/octet-stream',
          metadata: metadataOf(request),
        });
        return { status: 200, headers: { etag } };
      }
      const it = objects.get(Bucket, Key);
      return {
        status: 200,
        headers: { 'content-type': it.contentType, etag: it.etag, 'last-modified': it.lastModified, ...it.metadata },
        body: it.body,
      };
    },
    fail: (error) => ({
      status: error.status,
      headers: { 'content-type': 'application/xml' },
      body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${xml(error.code)}</Code><Message>${xml(error.message)}</Message></Error>`,
    }),
  };
}

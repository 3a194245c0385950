/** `aws-chunked` bodies: what the SDK sends when it signs while it streams. */
import { AwsError } from '#local/types.ts';

/** The bytes inside the chunks; signatures of chunks and trailers are left out. */
export function decodeChunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, Math.max(end, at)).split(';')[0]!, 16);
    if (end < 0 || Number.isNaN(size)) throw new AwsError('IncompleteBody', 'The body is not aws-chunked.');
    if (size === 0) return Buffer.concat(parts);
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

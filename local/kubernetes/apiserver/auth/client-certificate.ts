/** From the client certificate of a connection to a user: its common name, and its organizations as groups. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { unauthorized } from '../errors.ts';
import type { User } from './user.ts';

const listOf = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** The user of a certificate that the cluster's authority signed for clients; undefined without a certificate. Throws 401 for any other certificate. */
export function certificateUser(request: IncomingMessage): User | undefined {
  const socket = request.socket as TLSSocket;
  const { raw, subject } = socket.getPeerCertificate?.() ?? {};
  if (raw === undefined) return undefined;
  const [name] = listOf(subject?.CN);
  if (!socket.authorized || !name) throw unauthorized();
  return {
    name,
    groups: listOf(subject?.O),
    extra: {
      'authentication.kubernetes.io/credential-id': [`X509SHA256=${createHash('sha256').update(raw).digest('hex')}`],
    },
  };
}

/**
 * The addresses that answer DNS for this pod, and so for dev pods: they are let through to them, whatever stands behind. On EKS in Auto Mode
 * that is the node itself under the address of a Service, elsewhere a cache on a link-local address; no pod selector finds either.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** `nameserver` lines that name an address which other pods can reach, too. Pure. */
export const resolversOf = (text: string): string[] => {
  const named = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address = '']) => address);
  return [...new Set(named)].filter((address) => isIP(address) > 0 && !/^(127\.|::1$|fe80:)/i.test(address));
};

/** Those of this pod; none where the file cannot be read. */
export const ownResolvers = async (file = '/etc/resolv.conf'): Promise<string[]> =>
  resolversOf(await readFile(file, 'utf8').catch(() => ''));

/** Which addresses the processes of a container listen on: pods share the loopback network of this machine, so a port alone is anybody's. */
import { readdir, readFile, readlink } from 'node:fs/promises';

const LISTEN = '0A';

/** `0100007F` → `127.0.0.1`: the kernel writes each 32-bit word in the machine's byte order. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse());
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => `${bytes[2 * index]}${bytes[2 * index + 1]}`);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}

/** Listening sockets of a port: inode → address. */
async function listening(port: number): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const row of (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
      const [address = '', hexPort = ''] = local.split(':');
      if (state === LISTEN && Number.parseInt(hexPort, 16) === port) found.set(`socket:[${inode}]`, addressOf(address));
    }
  }
  return found;
}

const linkOf = (path: string) => readlink(path).catch(() => '');

/** The addresses on which processes in the pid namespace of `first` listen on `port`. */
export async function listenersOf(first: number, port: number): Promise<string[]> {
  const sockets = await listening(port);
  if (sockets.size === 0) return [];
  const own = await linkOf(`/proc/${first}/ns/pid`);
  const addresses = new Set<string>();
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (own === '' || (await linkOf(`/proc/${pid}/ns/pid`)) !== own) continue;
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [] as string[])) {
      const address = sockets.get(await linkOf(`/proc/${pid}/fd/${fd}`));
      if (address !== undefined) addresses.add(address);
    }
  }
  return [...addresses];
}

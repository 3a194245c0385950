/** URLs, IP addresses and CIDRs in CEL. */
import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { Environment } from '@marcbachmann/cel-js';
import { CelError } from '../error.ts';

class UrlValue {
  readonly text: string;
  readonly url: URL;
  /** A path alone has neither scheme nor host. */
  readonly relative: boolean;
  constructor(text: string) {
    this.text = text;
    this.relative = text.startsWith('/');
    this.url = new URL(text, this.relative ? 'http://none' : undefined);
  }
  equals(other: unknown): boolean {
    return other instanceof UrlValue && other.url.href === this.url.href && other.relative === this.relative;
  }
}

function urlOf(text: string): UrlValue {
  if (/^([a-z][a-z0-9+.-]*:|\/)/i.test(text) && !/[\s<>"]/.test(text)) {
    try {
      return new UrlValue(text);
    } catch {
      // Said below.
    }
  }
  throw new CelError(
    `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
  );
}

/** As written: the WHATWG parser drops the usual port of a scheme. */
const authority = ({ text, relative }: UrlValue): string =>
  relative ? '' : (/^[^:]+:\/\/(?:[^/?#@]*@)?([^/?#]*)/.exec(text)?.[1] ?? '');

const query = ({ url }: UrlValue): Map<string, string[]> =>
  new Map([...new Set(url.searchParams.keys())].map((key) => [key, url.searchParams.getAll(key)]));

class IpValue {
  readonly text: string;
  readonly family: 4 | 6;
  constructor(text: string, family: 4 | 6) {
    this.family = family;
    this.text = new SocketAddress({ address: text, family: family === 4 ? 'ipv4' : 'ipv6' }).address;
  }
  equals(other: unknown): boolean {
    return other instanceof IpValue && other.text === this.text;
  }
  in(...blocks: [base: string, prefix: number][]): boolean {
    const family = this.family === 4 ? 'ipv4' : 'ipv6';
    const list = new BlockList();
    for (const [base, prefix] of blocks) if (isIPv4(base) === (this.family === 4)) list.addSubnet(base, prefix, family);
    return list.check(this.text, family);
  }
}

function ipOf(text: string): IpValue {
  if (isIPv4(text)) return new IpValue(text, 4);
  // Neither zones nor IPv4 in the clothes of IPv6.
  if (isIPv6(text) && !text.includes('%') && !text.includes('.')) return new IpValue(text, 6);
  throw new CelError(
    `IP Address ${JSON.stringify(text)} parse error during conversion from string: unable to parse IP`,
  );
}

const bits = ({ family }: IpValue): number => (family === 4 ? 32 : 128);

const bytesOf = (ip: IpValue): bigint => {
  if (ip.family === 4) return ip.text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const [head = '', tail] = ip.text.split('::');
  const words = (part: string | undefined) => (part ? part.split(':') : []);
  const [left, right] = [words(head), words(tail)];
  const zeros = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
};

const ipFrom = (value: bigint, family: 4 | 6): IpValue => {
  const step = family === 4 ? 8n : 16n;
  const parts = Array.from({ length: family === 4 ? 4 : 8 }, (_, i) => {
    const part = (value >> (step * BigInt((family === 4 ? 3 : 7) - i))) & ((1n << step) - 1n);
    return part.toString(family === 4 ? 10 : 16);
  });
  return new IpValue(parts.join(family === 4 ? '.' : ':'), family);
};

class CidrValue {
  readonly ip: IpValue;
  readonly prefix: number;
  constructor(ip: IpValue, prefix: number) {
    this.ip = ip;
    this.prefix = prefix;
  }
  equals(other: unknown): boolean {
    return other instanceof CidrValue && other.prefix === this.prefix && other.ip.equals(this.ip);
  }
  get masked(): CidrValue {
    const rest = BigInt(bits(this.ip) - this.prefix);
    return new CidrValue(ipFrom((bytesOf(this.ip) >> rest) << rest, this.ip.family), this.prefix);
  }
  contains(ip: IpValue): boolean {
    const rest = BigInt(bits(this.ip) - this.prefix);
    return ip.family === this.ip.family && bytesOf(ip) >> rest === bytesOf(this.ip) >> rest;
  }
}

function cidrOf(text: string): CidrValue {
  const [, address, length] = /^([^/]+)\/(0|[1-9]\d*)$/.exec(text) ?? [];
  try {
    const ip = ipOf(address ?? '');
    if (Number(length) <= bits(ip)) return new CidrValue(ip, Number(length));
  } catch {
    // Said below.
  }
  throw new CelError(`network address parse error during conversion from string: invalid CIDR address: ${text}`);
}

const works = (convert: (text: string) => unknown) => (text: string) => {
  try {
    convert(text);
    return true;
  } catch {
    return false;
  }
};

class IpNamespace {}
const [URL_, IP, CIDR] = ['kubernetes.URL', 'net.IP', 'net.CIDR'];
const UNSPECIFIED: [string, number][] = [
  ['0.0.0.0', 32],
  ['::', 128],
];
const LOOPBACK: [string, number][] = [
  ['127.0.0.0', 8],
  ['::1', 128],
];
const MULTICAST: [string, number][] = [
  ['224.0.0.0', 4],
  ['ff00::', 8],
];
const LINK_MULTICAST: [string, number][] = [
  ['224.0.0.0', 24],
  ['ff02::', 16],
];
const LINK_UNICAST: [string, number][] = [
  ['169.254.0.0', 16],
  ['fe80::', 10],
];
const BROADCAST: [string, number] = ['255.255.255.255', 32];

export const registerNet = (environment: Environment): Environment =>
  environment
    .registerType(URL_, UrlValue)
    .registerOperator(`${URL_} == ${URL_}`, (a: UrlValue, b: UrlValue) => a.equals(b))
    .registerFunction('isURL(string): bool', works(urlOf))
    .registerFunction(`url(string): ${URL_}`, urlOf)
    .registerFunction(`${URL_}.getScheme(): string`, ({ url, relative }: UrlValue) =>
      relative ? '' : url.protocol.slice(0, -1),
    )
    .registerFunction(`${URL_}.getHost(): string`, authority)
    .registerFunction(`${URL_}.getHostname(): string`, (url: UrlValue) =>
      authority(url)
        .replace(/:\d*$/, '')
        .replace(/^\[(.*)\]$/, '$1'),
    )
    .registerFunction(`${URL_}.getPort(): string`, (url: UrlValue) => /:(\d*)$/.exec(authority(url))?.[1] ?? '')
    .registerFunction(`${URL_}.getEscapedPath(): string`, ({ url, text }: UrlValue) =>
      url.pathname === '/' && !/[^/:]\/|^\//.test(text) ? '' : url.pathname,
    )
    .registerFunction(`${URL_}.getQuery(): map<string, list<string>>`, query)
    .registerType(IP, IpValue)
    .registerOperator(`${IP} == ${IP}`, (a: IpValue, b: IpValue) => a.equals(b))
    .registerType('IpNamespace', IpNamespace)
    .registerConstant('ip', 'IpNamespace', new IpNamespace())
    .registerFunction('isIP(string): bool', works(ipOf))
    .registerFunction(`ip(string): ${IP}`, ipOf)
    .registerFunction('IpNamespace.isCanonical(string): bool', (_: unknown, text: string) => ipOf(text).text === text)
    .registerFunction(`string(${IP}): string`, ({ text }: IpValue) => text)
    .registerFunction(`${IP}.family(): int`, ({ family }: IpValue) => BigInt(family))
    .registerFunction(`${IP}.isUnspecified(): bool`, (ip: IpValue) => ip.in(...UNSPECIFIED))
    .registerFunction(`${IP}.isLoopback(): bool`, (ip: IpValue) => ip.in(...LOOPBACK))
    .registerFunction(`${IP}.isLinkLocalMulticast(): bool`, (ip: IpValue) => ip.in(...LINK_MULTICAST))
    .registerFunction(`${IP}.isLinkLocalUnicast(): bool`, (ip: IpValue) => ip.in(...LINK_UNICAST))
    .registerFunction(
      `${IP}.isGlobalUnicast(): bool`,
      (ip: IpValue) => !ip.in(...UNSPECIFIED, ...LOOPBACK, ...MULTICAST, ...LINK_UNICAST, BROADCAST),
    )
    .registerType(CIDR, CidrValue)
    .registerOperator(`${CIDR} == ${CIDR}`, (a: CidrValue, b: CidrValue) => a.equals(b))
    .registerFunction('isCIDR(string): bool', works(cidrOf))
    .registerFunction(`cidr(string): ${CIDR}`, cidrOf)
    .registerFunction(`string(${CIDR}): string`, ({ ip, prefix }: CidrValue) => `${ip.text}/${prefix}`)
    .registerFunction(`${CIDR}.containsIP(${IP}): bool`, (cidr: CidrValue, ip: IpValue) => cidr.contains(ip))
    .registerFunction(`${CIDR}.containsIP(string): bool`, (cidr: CidrValue, ip: string) => cidr.contains(ipOf(ip)))
    .registerFunction(`${CIDR}.containsCIDR(${CIDR}): bool`, containsCidr)
    .registerFunction(`${CIDR}.containsCIDR(string): bool`, (cidr: CidrValue, other: string) =>
      containsCidr(cidr, cidrOf(other)),
    )
    .registerFunction(`${CIDR}.ip(): ${IP}`, ({ ip }: CidrValue) => ip)
    .registerFunction(`${CIDR}.masked(): ${CIDR}`, ({ masked }: CidrValue) => masked)
    .registerFunction(`${CIDR}.prefixLength(): int`, ({ prefix }: CidrValue) => BigInt(prefix));

function containsCidr(cidr: CidrValue, other: CidrValue): boolean {
  return cidr.prefix <= other.prefix && cidr.contains(other.ip);
}

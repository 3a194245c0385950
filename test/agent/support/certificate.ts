/** A self-signed certificate for 127.0.0.1, made once a process: X.509 v3 (RFC 5280) in DER, as much as TLS needs. */
import { generateKeyPairSync, sign } from 'node:crypto';

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const length =
    body.length < 128
      ? [body.length]
      : body.length < 256
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const bytes = (hex: string) => Buffer.from(hex, 'hex');
const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const oid = (hex: string) => der(0x06, bytes(hex));
const bits = (content: Uint8Array) => der(0x03, bytes('00'), content);
const time = (text: string) => der(0x18, Buffer.from(text));

const ECDSA_SHA256 = oid('2a8648ce3d040302');
const COMMON_NAME = oid('550403');
const ALT_NAME = oid('551d11');
const BASIC_CONSTRAINTS = oid('551d13');
const TRUE = bytes('0101ff');
const IP_127_0_0_1 = der(0x87, bytes('7f000001'));

const make = () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from('kubernetes')))));
  const body = sequence(
    der(0xa0, bytes('020102')),
    der(0x02, bytes('01')),
    sequence(ECDSA_SHA256),
    name,
    sequence(time('20200101000000Z'), time('20990101000000Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        sequence(BASIC_CONSTRAINTS, TRUE, der(0x04, sequence(TRUE))),
        sequence(ALT_NAME, der(0x04, sequence(IP_127_0_0_1))),
      ),
    ),
  );
  const certificate = sequence(body, sequence(ECDSA_SHA256), bits(sign('sha256', body, privateKey)));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replaceAll(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
};

let made: ReturnType<typeof make> | undefined;
export const certificate = (): ReturnType<typeof make> => {
  made ??= make();
  return made;
};

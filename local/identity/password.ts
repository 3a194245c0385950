/** Passwords and codes: the pool's policy, hashes, and what Cognito itself makes up. */
import { randomBytes, randomInt, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AwsError } from '#local/types.ts';
import type { PasswordPolicy } from './pool.ts';

const derive = promisify(scrypt) as (password: string, salt: Buffer, bytes: number) => Promise<Buffer>;

const SYMBOLS = '^$*.[]{}()?-"!@#%&/\\,><\':;|_~`+=';
const classes = {
  requireUppercase: ['ABCDEFGHJKLMNPQRSTUVWXYZ', /[A-Z]/, 'uppercase'],
  requireLowercase: ['abcdefghijkmnopqrstuvwxyz', /[a-z]/, 'lowercase'],
  requireNumbers: ['23456789', /[0-9]/, 'numeric'],
  requireSymbols: ['!@#%_+=?', new RegExp(`[${SYMBOLS.replace(/[\\\]^-]/g, '\\$&')}]`), 'symbol'],
} as const;

/** Throws `InvalidPasswordException` with Cognito's reason when a password breaks the policy. */
export function checkPassword(password: string, policy: PasswordPolicy): void {
  const refuse = (reason: string): never => {
    throw new AwsError('InvalidPasswordException', `Password did not conform with policy: ${reason}`);
  };
  if (password.length < policy.minimumLength) refuse('Password not long enough');
  if (password.length > 256) refuse('Password too long');
  for (const [rule, [, pattern, name]] of Object.entries(classes))
    if (policy[rule as keyof typeof classes] && !pattern.test(password))
      refuse(`Password must have ${name} characters`);
}

/** A temporary password that follows the policy, without characters that are easily mistaken. */
export function makePassword(policy: PasswordPolicy): string {
  const one = (from: string): string => from[randomInt(from.length)]!;
  const all = Object.values(classes).map(([from]) => from);
  const chosen = [
    ...all.map(one),
    ...Array.from({ length: Math.max(policy.minimumLength, 8) - all.length }, () => one(all.slice(0, 3).join(''))),
  ];
  for (let i = chosen.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [chosen[i], chosen[j]] = [chosen[j]!, chosen[i]!];
  }
  return chosen.join('');
}

/** Six digits. */
export const makeCode = (): string => String(randomInt(1_000_000)).padStart(6, '0');

/** `salt.hash` (scrypt); passwords and codes are kept only so. */
export async function hash(secret: string, salt = randomBytes(16)): Promise<string> {
  return `${salt.toString('hex')}.${(await derive(secret, salt, 32)).toString('hex')}`;
}

/** Whether a secret is the one that was hashed. */
export async function verify(secret: string, hashed: string | null): Promise<boolean> {
  const [salt = ''] = (hashed ?? '').split('.');
  const made = Buffer.from(await hash(secret, Buffer.from(salt, 'hex')));
  const kept = Buffer.from(hashed ?? '');
  return made.length === kept.length && timingSafeEqual(made, kept);
}

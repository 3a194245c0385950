/** Which images are programs of this machine, which are dev pods, which references name nothing that could be pulled. Pure. */

import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Mount } from './paths.ts';

/** What an image is here: the command that takes the place of its entrypoint, and what its recipe sets up. */
export interface KnownImage {
  command: string[];
  /** Set for an image that people work in: it gets a file system of its own where this machine can give it one. */
  dev?: DevImage;
}

/** What the recipes of dev images (`images/`) have in common. */
export interface DevImage {
  user: { name: string; uid: number; home: string };
  workingDir: string;
  env: Record<string, string>;
  /** Folders of the image that the user owns, besides the home. */
  folders: string[];
  /** The recipes' own scripts, which are shell and run anywhere. */
  parts: Mount;
  /** TCP ports that the image's entrypoint listens on. */
  ports: number[];
  /** A file that the entrypoint makes when it comes to listen. */
  started: string;
}

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const HOST = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?';
const REFERENCE = new RegExp(
  `^((?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*)(?::([\\w][\\w.-]{0,127}))?(?:@([a-zA-Z0-9+.-]+:[0-9a-fA-F]{32,}))?$`,
);

/** The repository of a reference, without tag and digest; undefined for what is no reference. */
export const repositoryOf = (reference: string): string | undefined => REFERENCE.exec(reference)?.[1];

/** Names the content of an image, as a status does: the same reference is the same content here. */
export const imageId = (reference: string): string =>
  `${repositoryOf(reference) ?? reference}@sha256:${createHash('sha256').update(reference).digest('hex')}`;

/** Repositories, by their last part, that the built-in templates name; and everything under `roadstead/`. */
const DEV_REPOSITORIES = new Set(['claude-terraform', 'node', 'python', 'go', 'gpu-notebook']);

const PARTS = '/opt/roadstead';

const DEV: KnownImage = {
  command: ['/bin/sh', `${PARTS}/start`],
  dev: {
    user: { name: 'node', uid: 1000, home: '/home/node' },
    workingDir: '/workspace',
    env: {
      ROADSTEAD_PARTS_DIR: PARTS,
      ROADSTEAD_RUN_DIR: '/run/roadstead',
      ROADSTEAD_SECRETS_DIR: '/run/secrets/roadstead',
      ROADSTEAD_WORK_DIR: '/workspace',
      // All pods share this machine's ports: the kubelet holds the pod's own.
      ROADSTEAD_SSHD: '',
    },
    folders: ['/workspace', '/commandhistory', '/run/roadstead'],
    parts: {
      mountPath: PARTS,
      folder: fileURLToPath(new URL('../../../images/common', import.meta.url)),
      readOnly: true,
    },
    ports: [2222],
    started: '/run/roadstead/started',
  },
};

/** The known image for a reference: the exact one first, then any of the same repository, then the table of dev images. */
export function knownImage(images: Record<string, KnownImage>, reference: string): KnownImage | undefined {
  if (images[reference]) return images[reference];
  const repository = repositoryOf(reference);
  if (repository === undefined) return undefined;
  const found = Object.keys(images).find((known) => repositoryOf(known) === repository);
  if (found !== undefined) return images[found];
  const parts = repository.split('/');
  return DEV_REPOSITORIES.has(parts.at(-1) ?? '') || parts.slice(0, -1).includes('roadstead') ? DEV : undefined;
}

/**
 * Why a well-formed reference cannot be pulled; undefined: it can. There is no registry here that could be asked, so the rule is one of names:
 * a repository or tag that begins with `missing` or `does-not-exist` is not there, and a digest must be one of SHA-256 or SHA-512.
 */
export function pullFailure(reference: string): string | undefined {
  const [, repository = '', tag = '', digest = ''] = REFERENCE.exec(reference) ?? [];
  const absent = /^(missing|does-not-exist)/;
  const isDigest = digest === '' || /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(digest);
  if (!isDigest) return `failed to pull and unpack image "${reference}": invalid checksum digest format`;
  if (!absent.test(tag) && !repository.split('/').some((part) => absent.test(part))) return undefined;
  return `rpc error: code = NotFound desc = failed to pull and unpack image "${reference}": failed to resolve reference "${reference}": ${reference}: not found`;
}

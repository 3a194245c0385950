/** Volumes of a pod as folders of this machine: written once at start and again when what they show changed. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import type { Client } from '../controllers/machinery/client.ts';
import {
  pathOf,
  persistentVolumeClaims,
  persistentVolumes,
  serviceAccounts,
} from '../controllers/machinery/resources.ts';
import type { Container, Pod, Volume } from '../controllers/machinery/types.ts';
import { ConfigError, fieldValue, type PodFacts, resourceValue, type Sources } from './environment.ts';
import type { Mount } from './paths.ts';
import { subPathOf } from './sub-path.ts';

export const TOKEN_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Name of the volume behind TOKEN_MOUNT where the API server did not add one to the pod. */
const TOKEN_VOLUME = 'kube-api-access';
/** Asked for and renewed as a real kubelet does it: at 80 % of its life. */
const TOKEN_SECONDS = 3607;
const RENEW_AT = 0.8;

type Files = Map<string, { content: string | Buffer; mode: number }>;
interface Item {
  key: string;
  path: string;
  mode?: number | undefined;
}

const automaticToken: Volume = {
  name: TOKEN_VOLUME,
  projected: {
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_SECONDS } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ],
  },
};

export interface VolumesOptions {
  client: Client;
  sources: Sources;
  pod: Pod;
  facts: PodFacts;
  /** The pod's folder. */
  dir: string;
}

/** The volumes of one pod. `write` may be called again and again: it changes only what differs. */
export class PodVolumes {
  readonly #options: VolumesOptions;
  readonly #tokens = new Map<string, { token: string; renewAt: number }>();
  readonly #folders = new Map<string, string>();
  #automatic = false;

  constructor(options: VolumesOptions) {
    this.#options = options;
  }

  /** The mounts of a container; needs a `write` before. Throws ConfigError. */
  async mounts(container: Container): Promise<Mount[]> {
    const mounts: Mount[] = [];
    for (const { name, mountPath, subPath, subPathExpr, readOnly } of container.volumeMounts ?? []) {
      const folder = this.#folders.get(name);
      const volume = this.#options.pod.spec.volumes?.find((one) => one.name === name);
      if (folder === undefined || volume === undefined) continue;
      if (subPathExpr)
        throw new ConfigError('volumeMounts[].subPathExpr is not supported by the embedded kubelet: use subPath');
      const written = volume.persistentVolumeClaim ?? volume.emptyDir ?? volume.ephemeral;
      mounts.push({
        mountPath,
        folder: subPath ? await subPathOf(folder, subPath) : folder,
        readOnly: readOnly === true || written === undefined || volume.persistentVolumeClaim?.readOnly === true,
      });
    }
    const folder = this.#folders.get(TOKEN_VOLUME);
    if (this.#automatic && folder !== undefined && !mounts.some(({ mountPath }) => mountPath === TOKEN_MOUNT)) {
      mounts.push({ mountPath: TOKEN_MOUNT, folder, readOnly: true });
    }
    return mounts;
  }

  /** Makes every volume that one of `containers` mounts. Throws ConfigError with the reason `FailedMount`. */
  async write(containers: Container[]): Promise<void> {
    const { pod, dir, client } = this.#options;
    const used = new Set(containers.flatMap((container) => (container.volumeMounts ?? []).map(({ name }) => name)));
    const volumes = (pod.spec.volumes ?? []).filter(({ name }) => used.has(name));
    const mounted = containers.every((container) =>
      container.volumeMounts?.some(({ mountPath }) => mountPath === TOKEN_MOUNT),
    );
    if (containers.length > 0 && !mounted) {
      const account = await client.find(
        serviceAccounts,
        pod.metadata.namespace,
        pod.spec.serviceAccountName ?? 'default',
      );
      this.#automatic =
        (pod.spec.automountServiceAccountToken ?? account?.automountServiceAccountToken) !== false &&
        account !== undefined;
      if (this.#automatic) volumes.push(automaticToken);
    }
    for (const volume of volumes) {
      try {
        this.#folders.set(volume.name, await this.#make(volume, join(dir, 'volumes', volume.name)));
      } catch (error) {
        throw new ConfigError(
          `MountVolume.SetUp failed for volume "${volume.name}" : ${(error as Error).message}`,
          'FailedMount',
        );
      }
    }
  }

  async #make(volume: Volume, folder: string): Promise<string> {
    if (volume.persistentVolumeClaim) return this.#claimed(volume.persistentVolumeClaim.claimName);
    if (volume.ephemeral) return this.#claimed(`${this.#options.pod.metadata.name}-${volume.name}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (volume.emptyDir) return folder;
    const files: Files = new Map();
    if (volume.secret) {
      const { secretName = '', items, optional, defaultMode } = volume.secret;
      await this.#secret(files, secretName, items, optional, defaultMode ?? 0o644);
    } else if (volume.configMap) {
      const { name = '', items, optional, defaultMode } = volume.configMap;
      await this.#configMap(files, name, items, optional, defaultMode ?? 0o644);
    } else if (volume.downwardAPI) {
      this.#downward(files, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? 0o644);
    } else if (volume.projected) {
      const mode = volume.projected.defaultMode ?? 0o644;
      for (const source of volume.projected.sources ?? []) {
        if (source.secret)
          await this.#secret(files, source.secret.name ?? '', source.secret.items, source.secret.optional, mode);
        else if (source.configMap)
          await this.#configMap(
            files,
            source.configMap.name ?? '',
            source.configMap.items,
            source.configMap.optional,
            mode,
          );
        else if (source.downwardAPI) this.#downward(files, source.downwardAPI.items ?? [], mode);
        else if (source.serviceAccountToken) await this.#token(files, source.serviceAccountToken, mode);
        else
          throw new Error(
            `projected source ${Object.keys(source).join(', ')} is not supported by the embedded kubelet`,
          );
      }
    } else {
      const kind = Object.keys(volume).find((key) => key !== 'name');
      throw new Error(`volumes of type ${kind} are not supported by the embedded kubelet`);
    }
    await writeFiles(folder, files);
    return folder;
  }

  async #claimed(name: string): Promise<string> {
    const { client, pod } = this.#options;
    const claim = await client.find(persistentVolumeClaims, pod.metadata.namespace, name);
    if (claim?.status?.phase !== 'Bound')
      throw new Error(`persistentvolumeclaim "${name}" ${claim ? 'is not bound' : 'not found'}`);
    const volume = await client.get(persistentVolumes, undefined, claim.spec.volumeName ?? '');
    const path = volume.spec.hostPath?.path;
    if (path === undefined)
      throw new Error(`volume "${volume.metadata.name}" is no hostPath volume: the embedded kubelet mounts no other`);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  async #secret(
    files: Files,
    name: string,
    items: Item[] | undefined,
    optional: boolean | undefined,
    mode: number,
  ): Promise<void> {
    const data = await this.#options.sources.secret(this.#options.pod.metadata.namespace ?? '', name);
    take(files, data, items, optional, mode, 'secret', name);
  }

  async #configMap(
    files: Files,
    name: string,
    items: Item[] | undefined,
    optional: boolean | undefined,
    mode: number,
  ): Promise<void> {
    const data = await this.#options.sources.configMap(this.#options.pod.metadata.namespace ?? '', name);
    take(files, data, items, optional, mode, 'configmap', name);
  }

  #downward(files: Files, items: NonNullable<NonNullable<Volume['downwardAPI']>['items']>, mode: number): void {
    const { pod, facts } = this.#options;
    for (const { path, fieldRef, resourceFieldRef, mode: own } of items) {
      const container = pod.spec.containers.find(({ name }) => name === resourceFieldRef?.containerName);
      const content = fieldRef
        ? fieldValue(pod, fieldRef.fieldPath, facts)
        : container && resourceFieldRef
          ? resourceValue(container, resourceFieldRef.resource, resourceFieldRef.divisor)
          : '';
      files.set(path, { content, mode: own ?? mode });
    }
  }

  async #token(
    files: Files,
    source: { path: string; audience?: string | undefined; expirationSeconds?: number | undefined },
    mode: number,
  ): Promise<void> {
    const { client, pod } = this.#options;
    const key = `${source.audience ?? ''} ${source.path}`;
    let held = this.#tokens.get(key);
    if (held === undefined || Date.now() >= held.renewAt) {
      const account = pod.spec.serviceAccountName ?? 'default';
      const { name, namespace, uid } = pod.metadata;
      const answer = await client.call<{ status: { token: string; expirationTimestamp: string } }>(
        'POST',
        pathOf(serviceAccounts, namespace, account, 'token'),
        {
          body: {
            apiVersion: 'authentication.k8s.io/v1',
            kind: 'TokenRequest',
            spec: {
              ...(source.audience && { audiences: [source.audience] }),
              expirationSeconds: source.expirationSeconds ?? 3600,
              boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
            },
          },
        },
      );
      const life = Date.parse(answer.status.expirationTimestamp) - Date.now();
      held = { token: answer.status.token, renewAt: Date.now() + life * RENEW_AT };
      this.#tokens.set(key, held);
    }
    files.set(source.path, { content: held.token, mode: Math.min(mode, 0o600) });
  }
}

function take(
  files: Files,
  data: Record<string, string | Buffer> | undefined,
  items: Item[] | undefined,
  optional: boolean | undefined,
  mode: number,
  kind: string,
  name: string,
): void {
  if (data === undefined) {
    if (optional === true) return;
    throw new Error(`${kind} "${name}" not found`);
  }
  for (const { key, path, mode: own } of items ?? Object.keys(data).map((key): Item => ({ key, path: key }))) {
    const content = data[key];
    if (content !== undefined) files.set(path, { content, mode: own ?? mode });
    else if (optional !== true) throw new Error(`references non-existent ${kind} key: ${key}`);
  }
}

/** Each file is replaced as a whole: a reader never sees half of it. */
async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, { content, mode }] of files) {
    const file = join(folder, normalize(`/${path}`));
    const bytes = Buffer.from(content as string);
    if ((await readFile(file).catch(() => undefined))?.equals(bytes)) continue;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const next = join(dirname(file), `..${randomBytes(6).toString('hex')}`);
    // The owner may always read: here the process runs as the user who owns the folder.
    await writeFile(next, bytes, { mode: mode | 0o400 });
    await rename(next, file);
  }
  const kept = new Set([...files.keys()].map((path) => normalize(`/${path}`).split('/')[1]));
  for (const name of await readdir(folder))
    if (!kept.has(name)) await rm(join(folder, name), { recursive: true, force: true });
}

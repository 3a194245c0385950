/** Mount paths without mount namespaces: what names a path inside a container is rewritten to the folder behind it. Pure. */
import { join } from 'node:path';

/** A volume as one container sees it. */
export interface Mount {
  /** Where the container expects it: `/etc/config`. */
  mountPath: string;
  /** Where it is on this machine. */
  folder: string;
  /** The container may not write there. */
  readOnly?: boolean;
}

/** The value with a leading mount path replaced. The longest mount path wins; other values are left alone. */
export function rewrite(value: string, mounts: readonly Mount[]): string {
  const [best] = mounts
    .filter(
      ({ mountPath }) => value === mountPath || value.startsWith(mountPath.endsWith('/') ? mountPath : `${mountPath}/`),
    )
    .sort((a, b) => b.mountPath.length - a.mountPath.length);
  return best === undefined ? value : join(best.folder, value.slice(best.mountPath.length));
}

/** Which images are programs of this machine, and which references are no images at all. Pure. */

/** What an image is here: the command that takes the place of its entrypoint. */
export interface KnownImage {
  command: string[];
}

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const HOST = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?';
const REFERENCE = new RegExp(
  `^((?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*)(?::([\\w][\\w.-]{0,127}))?(?:@([a-zA-Z0-9+.-]+:[0-9a-fA-F]{32,}))?$`,
);

/** The repository of a reference, without tag and digest; undefined for what is no reference. */
export const repositoryOf = (reference: string): string | undefined => REFERENCE.exec(reference)?.[1];

/** The known image for a reference: the exact one first, else any of the same repository. */
export function knownImage(images: Record<string, KnownImage>, reference: string): KnownImage | undefined {
  if (images[reference]) return images[reference];
  const repository = repositoryOf(reference);
  if (repository === undefined) return undefined;
  const found = Object.keys(images).find((known) => repositoryOf(known) === repository);
  return found === undefined ? undefined : images[found];
}

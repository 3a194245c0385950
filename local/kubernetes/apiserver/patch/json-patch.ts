/** RFC 6902 JSON patches, with the ways of the library that Kubernetes uses. */
import { clone, isMap, type Json, same } from '../json.ts';

/** The patch cannot be applied to this object. */
export class PatchError extends Error {}

interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: Json;
}

const segments = (pointer: string): string[] => {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw new PatchError(`path ${pointer} does not begin with /`);
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
};

const indexOf = (list: Json[], key: string, adding: boolean): number => {
  if (adding && key === '-') return list.length;
  if (!/^-?\d+$/.test(key)) throw new PatchError(`${key} is no index`);
  const index = Number(key) < 0 ? list.length + Number(key) + (adding ? 1 : 0) : Number(key);
  if (index < 0 || index > list.length - (adding ? 0 : 1)) throw new PatchError(`index ${key} is out of bounds`);
  return index;
};

function parentOf(root: { value: Json }, pointer: string): { parent: Json; key: string } {
  const parts = segments(pointer);
  const key = parts.pop();
  if (key === undefined) return { parent: root, key: 'value' };
  let node = root.value;
  for (const part of parts) {
    node = Array.isArray(node) ? node[indexOf(node, part, false)] : isMap(node) ? node[part] : undefined;
    if (node === undefined || node === null) throw new PatchError(`${pointer} has no parent`);
  }
  if (!Array.isArray(node) && !isMap(node)) throw new PatchError(`${pointer} has no parent`);
  return { parent: node, key };
}

function read(root: { value: Json }, pointer: string): Json {
  const { parent, key } = parentOf(root, pointer);
  const value = Array.isArray(parent) ? parent[indexOf(parent, key, false)] : parent[key];
  if (value === undefined) throw new PatchError(`${pointer} is missing`);
  return value;
}

function add(root: { value: Json }, pointer: string, value: Json): void {
  const { parent, key } = parentOf(root, pointer);
  if (Array.isArray(parent)) parent.splice(indexOf(parent, key, true), 0, value);
  else parent[key] = value;
}

function remove(root: { value: Json }, pointer: string): void {
  const { parent, key } = parentOf(root, pointer);
  if (Array.isArray(parent)) parent.splice(indexOf(parent, key, false), 1);
  else if (parent[key] === undefined) throw new PatchError(`${pointer} is missing`);
  else delete parent[key];
}

/** The patched copy. Throws `PatchError`; then nothing was changed. */
export function jsonPatch(object: Json, operations: Operation[]): Json {
  const root = { value: clone(object) };
  for (const { op, path, from, value } of operations) {
    if (typeof path !== 'string') throw new PatchError('an operation has no path');
    switch (op) {
      case 'add':
        add(root, path, clone(value));
        break;
      case 'remove':
        remove(root, path);
        break;
      case 'replace': {
        // A member of a map need not be there.
        const { parent, key } = parentOf(root, path);
        if (Array.isArray(parent)) parent[indexOf(parent, key, false)] = clone(value);
        else parent[key] = clone(value);
        break;
      }
      case 'move': {
        const moved = read(root, from ?? '');
        remove(root, from ?? '');
        add(root, path, moved);
        break;
      }
      case 'copy':
        add(root, path, clone(read(root, from ?? '')));
        break;
      case 'test': {
        let found: Json;
        try {
          found = read(root, path);
        } catch {
          found = null;
        }
        if (!same(found ?? null, value ?? null)) throw new PatchError(`testing value ${path} failed`);
        break;
      }
      default:
        throw new PatchError(`unknown operation ${op}`);
    }
  }
  return root.value;
}

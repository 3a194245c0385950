/** The JSONPath of print columns and selectable fields: `.spec.port`, `.status.conditions[?(@.type=="Ready")].status`, `.spec.crew[*].name`. */
import { isMap, type Json } from '../json.ts';

const STEP =
  /\.([A-Za-z_$][\w-]*)|\[\?\(@((?:\.[\w-]+|\['[^']+'\])+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+))\)\]|\[(\*|-?\d+)\]|\['((?:[^'\\]|\\.)+)'\]|\.\*/gy;

/** All values at the path; nothing for a path that this does not understand. */
export function jsonPath(path: string, root: Json): Json[] {
  const text = path.replace(/^\$/, '');
  let values: Json[] = [root];
  // A filter asks again inside: each call has its own place in its own text.
  const step = new RegExp(STEP);
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (match === null) return [];
    const [whole, name, filter, operator, double, single, bare, index, quoted] = match;
    const key = name ?? quoted?.replaceAll(/\\(.)/g, '$1');
    if (key !== undefined)
      values = values.flatMap((value) => (isMap(value) && value[key] !== undefined ? [value[key]] : []));
    else if (filter !== undefined) {
      const wanted = double ?? single ?? bare ?? '';
      values = values.flatMap((value) =>
        (Array.isArray(value) ? value : []).filter(
          (item) => (String(jsonPath(filter, item)[0] ?? '') === wanted) === (operator === '=='),
        ),
      );
    } else if (index === '*' || whole === '.*')
      values = values.flatMap((value) => (Array.isArray(value) ? value : isMap(value) ? Object.values(value) : []));
    else if (index !== undefined) {
      const at = Number(index);
      values = values.flatMap((value) => (Array.isArray(value) && value.at(at) !== undefined ? [value.at(at)] : []));
    }
  }
  return values;
}

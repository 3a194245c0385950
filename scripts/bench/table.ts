/** The bench's table at the terminal; as Markdown, so that it can be kept as it is. */
import type { Row } from './row.ts';

const HEAD = ['what', 'bar', 'median', 'p99', 'verdict', 'note'] as const;

/** Rows as a Markdown table with aligned columns. */
export const tableOf = (rows: readonly Row[]): string => {
  const cells = rows.map((row) => HEAD.map((name) => row[name].replaceAll('|', '\\|')));
  const widths = HEAD.map((name, at) => Math.max(name.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(HEAD), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...cells.map(line)].join('\n');
};

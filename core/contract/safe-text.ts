/** Text that tenants wrote (events, log lines, condition messages), made safe to show (kubernetes.md finding 23). */

const LIMIT_BYTES = 1024;

/** Drops control and format characters but newline and tab, and cuts at 1,024 bytes on a character's edge. */
export const safeText = (text: string): string => {
  const clean = text.replaceAll(/[^\P{C}\n\t]/gu, '');
  const bytes = Buffer.from(clean, 'utf8');
  if (bytes.length <= LIMIT_BYTES) return clean;
  return `${new TextDecoder('utf8').decode(bytes.subarray(0, LIMIT_BYTES - 3)).replace(/\uFFFD+$/u, '')}…`;
};

/** How much of the CPU that it asks for this process gets: 100 on a machine of one's own, less beside others. Tells good figures from noise. */
const BUSY_MS = 300;

/** Percent, measured by being busy for a moment. */
export const gotOfCpu = (): number => {
  const [began, used] = [performance.now(), process.cpuUsage()];
  while (performance.now() - began < BUSY_MS) {
    // Busy.
  }
  const { user, system } = process.cpuUsage(used);
  return Math.min(100, Math.round((user + system) / 10 / (performance.now() - began)));
};

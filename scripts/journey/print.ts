/** How a journey is told at the terminal: each step with the seconds since the start, pushes and output indented under it. */
import { styleText } from 'node:util';

export const printer = (startedAt: number = performance.now()) => {
  const clock = () => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s`;
  return {
    say: (step: string, result: string): void =>
      console.log(`${styleText('dim', clock())}  ${styleText('bold', step.padEnd(11))} ${result}`),
    show: (text: string): void => {
      for (const line of text.trimEnd().split('\n')) console.log(styleText('dim', `${' '.repeat(22)}${line}`));
    },
  };
};

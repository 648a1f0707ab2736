import { encode } from 'uqr';

/** Width of the light margin that scanners need around a code, in modules (ISO/IEC 18004, "Quiet zone"). */
const quietZone = 4;
/** Sets black on bright white, whatever the colors of the terminal are. */
const blackOnWhite = '\u001b[30;107m';
const usualColors = '\u001b[39;49m';

/** A code as a terminal shows it. */
export interface QrCode {
  /** Two rows of modules in each line. */
  readonly lines: readonly string[];
  /** Columns of a line. */
  readonly width: number;
}

/** Draws a text as a QR code in black on white, with its quiet zone. */
export function qrCode(text: string): QrCode {
  const { data, size } = encode(text, { border: quietZone });
  const lines = Array.from({ length: Math.ceil(size / 2) }, (_, at) => {
    const [upper = [], lower = []] = [data[2 * at], data[2 * at + 1]];
    const line = upper.map((isDark, column) => halves(isDark, lower[column] ?? false)).join('');
    return `${blackOnWhite}${line}${usualColors}`;
  });
  return { lines, width: size };
}

function halves(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀';
  return lower ? '▄' : ' ';
}

const quote = 0x22;
const backslash = 0x5c;
const opening = new Set([0x7b, 0x5b]);
const closing = new Set([0x7d, 0x5d]);
const comma = 0x2c;
const colon = 0x3a;
const brace = 0x7b;
const spaces = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** The longest name of a member that can be `model`, with escapes, and the longest name of a model, in bytes. */
const longestText = 1024;

/**
 * Finds the member `model` of a JSON object without waiting for the rest of the object. It doesn't check whether the JSON is valid,
 * which the API does.
 */
export class ModelScanner {
  /** The model; undefined if the text has none, or isn't an object. */
  model: string | undefined;
  #isDone = false;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;
  /** Whether the next text at the first level is the name of a member. */
  #isName = true;
  /** The bytes of a text at the first level; undefined if it is too long, or at another level. */
  #text: number[] | undefined;
  #name: string | undefined;

  /** Continues with the next part of the text. Returns whether no more is needed. */
  scan(chunk: Uint8Array): boolean {
    for (const byte of chunk) {
      if (this.#isDone) break;
      if (this.#isInText) this.#inText(byte);
      else this.#betweenTexts(byte);
    }
    return this.#isDone;
  }

  #inText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) {
      this.#isInText = false;
      if (this.#depth === 1) this.#endText();
      return;
    }
    if (this.#text && this.#text.push(byte) > longestText) this.#text = undefined;
  }

  #endText(): void {
    const text = this.#text && parsedText(this.#text);
    if (this.#isName) this.#name = text;
    else if (this.#name === 'model') this.#end(text);
  }

  #betweenTexts(byte: number): void {
    if (spaces.has(byte)) return;
    if (this.#depth === 0) {
      if (byte === brace) this.#depth = 1;
      else this.#end(undefined);
      return;
    }
    if (this.#depth === 1 && !this.#isName && this.#name === 'model' && byte !== quote && byte !== colon) {
      // The model isn't a text.
      this.#end(undefined);
    } else if (byte === quote) {
      this.#isInText = true;
      this.#text = this.#depth === 1 ? [] : undefined;
    } else if (opening.has(byte)) this.#depth++;
    else if (closing.has(byte)) {
      this.#depth--;
      if (this.#depth === 0) this.#end(undefined);
    } else if (this.#depth === 1 && byte === comma) this.#isName = true;
    else if (this.#depth === 1 && byte === colon) this.#isName = false;
  }

  #end(model: string | undefined): void {
    this.model = model;
    this.#isDone = true;
  }
}

/** Returns a text of JSON, given its bytes between the quotation marks; undefined if it isn't valid. */
function parsedText(bytes: readonly number[]): string | undefined {
  const text = Buffer.from(bytes).toString();
  if (!text.includes('\\')) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return undefined;
  }
}

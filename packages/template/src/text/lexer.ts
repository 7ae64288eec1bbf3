// A template's text cut into tokens. Texts are byte strings (one character per byte), as Go's are: positions count bytes,
// and what is no UTF-8 passes through untouched. Source: text/template/parse/lex.go of Go 1.19.

export type TokenKind =
  | "text"
  | "left delimiter"
  | "right delimiter"
  | "field"
  | "variable"
  | "identifier"
  | "keyword"
  | "dot"
  | "nil"
  | "bool"
  | "string"
  | "raw string"
  | "character"
  | "number"
  | "pipe"
  | "left paren"
  | "right paren"
  | "assign"
  | "declare"
  | "punctuation"
  | "space"
  | "end"
  | "error";

export interface Token {
  readonly kind: TokenKind;
  /** The text of the token; of an error, what is wrong. */
  readonly text: string;
  /** First byte of the token. */
  readonly position: number;
  readonly line: number;
}

const keywords = new Set(["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"]);
const spaces = /[ \t\r\n]/;
// Bytes above ASCII belong to letters of some language; no field or function has one.
const word = /[A-Za-z0-9_\u0080-\u00ff]/;

/** All tokens; the last one is `end` or `error`. */
export function tokensOf(text: string): readonly Token[] {
  return new Lexer(text).run();
}

class Lexer {
  readonly #input: string;
  readonly #tokens: Token[] = [];
  #start = 0;
  #position = 0;
  #line = 1;
  #parens = 0;

  constructor(input: string) {
    this.#input = input;
  }

  run(): readonly Token[] {
    for (;;) {
      const wantsMore = this.#text();
      if (!wantsMore) return this.#tokens;
    }
  }

  /** Text up to an action, and that action; false at the end. */
  #text(): boolean {
    const input = this.#input;
    const left = input.indexOf("{{", this.#position);
    const end = left < 0 ? input.length : left;
    const isTrimmed = left >= 0 && this.#isLeftTrim(left + 2);
    let textEnd = end;
    if (isTrimmed) while (textEnd > this.#position && spaces.test(input.charAt(textEnd - 1))) textEnd -= 1;
    this.#position = textEnd;
    if (this.#position > this.#start) this.#emit("text");
    this.#skipTo(end);
    if (left < 0) return this.#stop("end", "");
    const afterTrim = left + 2 + (isTrimmed ? 2 : 0);
    if (input.startsWith("/*", afterTrim)) return this.#comment(afterTrim);
    this.#position = left + 2;
    this.#emit("left delimiter");
    this.#skipTo(afterTrim);
    this.#parens = 0;
    return this.#action();
  }

  #isLeftTrim(position: number): boolean {
    return this.#input.charAt(position) === "-" && spaces.test(this.#input.charAt(position + 1));
  }

  #comment(position: number): boolean {
    const end = this.#input.indexOf("*/", position);
    if (end < 0) return this.#stop("error", "unclosed comment");
    this.#skipTo(end + 2);
    const delimiter = this.#rightDelimiter();
    if (delimiter === undefined) return this.#stop("error", "comment ends before closing delimiter");
    this.#close(delimiter, false);
    return true;
  }

  /** Length of the delimiter that is here, with its trim mark; undefined: there is none. */
  #rightDelimiter(): { readonly length: number; readonly isTrimmed: boolean } | undefined {
    const rest = this.#input.slice(this.#position, this.#position + 4);
    if (/^[ \t\r\n]-\}\}/.test(rest)) return { length: 4, isTrimmed: true };
    return rest.startsWith("}}") ? { length: 2, isTrimmed: false } : undefined;
  }

  #close({ length, isTrimmed }: { length: number; isTrimmed: boolean }, isToken: boolean): void {
    this.#skipTo(this.#position + length - 2);
    this.#position += 2;
    if (isToken) this.#emit("right delimiter");
    let next = this.#position;
    if (isTrimmed) while (spaces.test(this.#input.charAt(next))) next += 1;
    this.#skipTo(next);
  }

  #action(): boolean {
    for (;;) {
      const delimiter = this.#rightDelimiter();
      if (delimiter !== undefined) {
        if (this.#parens > 0) return this.#stop("error", "unclosed left paren");
        this.#close(delimiter, true);
        return true;
      }
      const failure = this.#inside();
      if (failure !== undefined) return this.#stop("error", failure);
    }
  }

  /** One token inside an action; a sentence when there can be none. */
  #inside(): string | undefined {
    const character = this.#input.charAt(this.#position);
    if (character === "") return "unclosed action";
    if (spaces.test(character)) return this.#spaces();
    const next = this.#input.charAt(this.#position + 1);
    if (/[-+0-9]/.test(character) || (character === "." && /[0-9]/.test(next))) return this.#number();
    if (word.test(character)) return this.#word("identifier");
    switch (character) {
      case "=":
        return this.#take("assign", 1);
      case ":":
        return next === "=" ? this.#take("declare", 2) : "expected :=";
      case "|":
        return this.#take("pipe", 1);
      case '"':
        return this.#quoted('"', "string", "unterminated quoted string");
      case "'":
        return this.#quoted("'", "character", "unterminated character constant");
      case "`":
        return this.#raw();
      case "$":
        return this.#word("variable");
      case ".":
        return this.#word("field");
      case "(":
        this.#parens += 1;
        return this.#take("left paren", 1);
      case ")":
        this.#parens -= 1;
        this.#take("right paren", 1);
        return this.#parens < 0 ? "unexpected right paren" : undefined;
    }
    return /[!-~]/.test(character)
      ? this.#take("punctuation", 1)
      : `unrecognized character in action: ${unicodeName(character)}`;
  }

  #spaces(): undefined {
    do this.#position += 1;
    while (spaces.test(this.#input.charAt(this.#position)));
    // The last of them may belong to the mark that trims what follows.
    if (this.#input.startsWith("-}}", this.#position)) this.#position -= 1;
    if (this.#position > this.#start) this.#emit("space");
    return undefined;
  }

  #take(kind: TokenKind, length: number): undefined {
    this.#position += length;
    this.#emit(kind);
    return undefined;
  }

  #quoted(quote: string, kind: TokenKind, unterminated: string): string | undefined {
    for (let at = this.#position + 1; at < this.#input.length; at += 1) {
      const character = this.#input.charAt(at);
      if (character === "\n") return unterminated;
      if (character === "\\") at += this.#input.charAt(at + 1) === "\n" ? 0 : 1;
      else if (character === quote) return this.#take(kind, at + 1 - this.#position);
    }
    return unterminated;
  }

  #raw(): string | undefined {
    const end = this.#input.indexOf("`", this.#position + 1);
    return end < 0 ? "unterminated raw quoted string" : this.#take("raw string", end + 1 - this.#position);
  }

  #word(kind: "identifier" | "variable" | "field"): string | undefined {
    const start = this.#position;
    this.#position += 1;
    if (kind !== "identifier" && this.#isTerminated()) {
      this.#emit(kind === "variable" ? "variable" : "dot");
      return undefined;
    }
    while (word.test(this.#input.charAt(this.#position))) this.#position += 1;
    if (!this.#isTerminated()) return `bad character ${unicodeName(this.#input.charAt(this.#position))}`;
    const text = this.#input.slice(start, this.#position);
    if (kind !== "identifier") this.#emit(kind);
    else if (keywords.has(text)) this.#emit("keyword");
    else if (text === "nil") this.#emit("nil");
    else this.#emit(text === "true" || text === "false" ? "bool" : "identifier");
    return undefined;
  }

  #isTerminated(): boolean {
    const next = this.#input.charAt(this.#position);
    return next === "" || /[ \t\r\n.,|:()]/.test(next) || this.#input.startsWith("}}", this.#position);
  }

  #number(): string | undefined {
    const rest = this.#input.slice(this.#position);
    const [text = ""] =
      /^[-+]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][-+]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9_]*)?)i?/.exec(
        rest,
      ) ?? [];
    const after = rest.charAt(text.length);
    if (word.test(after)) return `bad number syntax: "${text}${after}"`;
    return this.#take("number", Math.max(1, text.length));
  }

  #emit(kind: TokenKind): void {
    const text = this.#input.slice(this.#start, this.#position);
    this.#tokens.push({ kind, text, position: this.#start, line: this.#line });
    this.#skipTo(this.#position);
  }

  #skipTo(position: number): void {
    for (let at = this.#start; at < position; at += 1) if (this.#input.charAt(at) === "\n") this.#line += 1;
    this.#start = position;
    this.#position = position;
  }

  #stop(kind: "end" | "error", text: string): false {
    this.#tokens.push({ kind, text, position: this.#start, line: this.#line });
    return false;
  }
}

/** `U+0023 '#'`. */
function unicodeName(character: string): string {
  if (character === "") return "U+FFFFFFFFFFFFFFFF";
  const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  return /[ -~]/.test(character) ? `U+${code} '${character}'` : `U+${code}`;
}

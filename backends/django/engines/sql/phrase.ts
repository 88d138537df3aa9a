/** SQL composed of pieces, with values as parameters. */

/** A piece of SQL: a value stands between each of its texts and the next. */
export interface Phrase {
  /** One more than there are values. */
  readonly texts: readonly string[];
  /** In the order of their places. */
  readonly values: readonly string[];
}

/** A template tag: an interpolation is a value, or a phrase that is inserted. */
export function sql(first: TemplateStringsArray, ...parts: readonly (string | Phrase)[]): Phrase {
  const texts = [first[0]!];
  const values: string[] = [];
  const add = (text: string) => texts[texts.length - 1] += text;
  for (const [i, part] of parts.entries()) {
    if (typeof part === "string") {
      values.push(part);
      texts.push("");
    } else {
      add(part.texts[0]!);
      texts.push(...part.texts.slice(1));
      values.push(...part.values);
    }
    add(first[i + 1]!);
  }
  return { texts, values };
}

/** SQL that is inserted unchanged. */
export const raw = (text: string): Phrase => ({ texts: [text], values: [] });

/** The text with `$1`, `$2`, … in the places of the values. */
export function placed({ texts }: Phrase): string {
  return texts.reduce((text, next, i) => `${text}$${i}${next}`);
}

/** SQL that is put together from pieces, with its values in their places. */

/** A piece of SQL: a value stands between each of its texts and the next. */
export interface Phrase {
  /** One more than values. */
  readonly texts: readonly string[];
  /** In the order in which they stand. */
  readonly values: readonly string[];
}

/** What stands in braces is a value, or a phrase that is taken in. */
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

/** SQL as it stands. */
export const raw = (text: string): Phrase => ({ texts: [text], values: [] });

/** The text with `$1`, `$2`, … in the places of the values. */
export function placed({ texts }: Phrase): string {
  return texts.reduce((text, next, i) => `${text}$${i}${next}`);
}

/**
 * Text in two voices: plain strings are the app speaking, `data` came from a file or the database, `strong` leads a
 * sentence. A list of parts and not markup, so that no word of a file can ever become an element.
 */
export type RichPart = string | { data: string } | { strong: string }
export type Rich = RichPart[]

/** `` rich`Created ${name} with care` ``: every value in the template is the file's voice. */
export function say(strings: TemplateStringsArray, ...values: string[]): Rich {
  return strings.flatMap((text, index): RichPart[] => {
    const value = values[index]
    return [...(text ? [text] : []), ...(value === undefined ? [] : [{ data: value }])]
  })
}

/** The same words without the voices. */
export const plain = (text: Rich): string => text.map((part) => typeof part === 'string' ? part : 'data' in part ? part.data : part.strong).join('')

/**
 * A number, 0 to 2^30 - 1, from the six characters before the last of a text: at the end of an id, and of a signature, they are 36 random
 * bits, so that nothing better is needed to find its place in a table, nor the whole of a text of 112 characters looked at.
 */
export function tailOf (text: string): number {
  const end = text.length - 1
  let sum = 0
  for (let i = end - 6; i < end; i++) sum = (sum * 31 + text.charCodeAt(i)) | 0
  return (sum ^ sum >>> 15) & 0x3fffffff
}

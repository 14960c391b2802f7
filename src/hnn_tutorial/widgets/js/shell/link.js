// A lab's state in the page's address, `#lab=2&state=1.2,0.5&step=0.05`: written, read, and not trusted.

const WORD = /^[\w .+-]{1,40}$/;
const MOST_ENTRIES = 64;

/** The part of an address that holds the traits of the lab with this number in the page. */
export function linkTo(number, traits) {
  const text = (value) => {
    if (Array.isArray(value)) return value.map((part) => encodeURIComponent(part)).join(",");
    if (value !== null && typeof value === "object") return Object.entries(value).map(([key, part]) => `${key}:${part}`).join(",");
    return encodeURIComponent(value);
  };
  const parts = Object.entries(traits).map(([name, value]) => `${name}=${text(value)}`);
  return ["#lab=" + number, ...parts].join("&");
}

/** The traits that an address holds for this lab. Each must be of the kind and size of the one in
 * `like`; what is not is left out. An empty object if the address speaks of something else. */
export function readLink(hash, number, like) {
  const found = {};
  const [first, ...parts] = hash.slice(1).split("&");
  if (first !== `lab=${number}`) return found;
  for (const part of parts) {
    const [name, text] = part.split("=");
    if (!Object.hasOwn(like, name) || text === undefined) continue;
    const value = readValue(text, like[name]);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function readValue(text, like) {
  const parts = text.split(",");
  if (Array.isArray(like)) {
    if (parts.length > MOST_ENTRIES || like.length === 0) return undefined;
    if (typeof like[0] === "number" && parts.length !== like.length) return undefined;
    return all(parts.map((part) => readValue(part, like[0])));
  }
  if (like !== null && typeof like === "object") {
    const pairs = parts.map((part) => part.split(":"));
    if (pairs.length !== Object.keys(like).length || !pairs.every(([key]) => Object.hasOwn(like, key))) return undefined;
    const values = all(pairs.map(([key, part]) => readValue(part ?? "", like[key])));
    return values && Object.fromEntries(pairs.map(([key], i) => [key, values[i]]));
  }
  if (typeof like === "number") return text !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined;
  if (typeof like === "boolean") return { true: true, false: false }[text];
  if (typeof like !== "string") return undefined;
  let word;
  try {
    word = decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
  return WORD.test(word) ? word : undefined;
}

const all = (values) => (values.includes(undefined) ? undefined : values);

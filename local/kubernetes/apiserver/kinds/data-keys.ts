/** The keys of ConfigMaps and Secrets: each can be a file's name. */

export const KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

export const isDataKey = (key: string): boolean => key.length <= 253 && /^[-._a-zA-Z0-9]+$/.test(key);

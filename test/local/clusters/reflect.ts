/** @peculiar/x509 insists on a reflect polyfill that its own classes, which take no parameters, do not need. Import this first. */
Object.assign(Reflect, { getMetadata: () => undefined, getOwnMetadata: () => undefined, defineMetadata: () => {} });

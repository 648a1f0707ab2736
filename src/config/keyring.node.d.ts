declare module 'embedded-keyring.node' {
  /** The path of the binding inside of the binary. Its name contains a checksum. */
  const file: string;
  export default file;
}

// Replaces a module, and so comes before everything that loads it.
import '../../virtual/process.ts';

// One file, because each process that runs a file like this loads all of src/.
import './endpoints.ts';
import './kills.ts';
import './several.ts';

import { keyCreation, keyCreationUnlisted } from './changes.ts';
import { testMatrix } from './matrix.ts';

testMatrix(keyCreation);
testMatrix(keyCreationUnlisted);

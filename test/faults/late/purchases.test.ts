import { purchase } from './changes.ts';
import { testMatrix } from './matrix.ts';

testMatrix(purchase);

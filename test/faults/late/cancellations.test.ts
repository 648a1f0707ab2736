import { cancellation } from './changes.ts';
import { testMatrix } from './matrix.ts';

testMatrix(cancellation);

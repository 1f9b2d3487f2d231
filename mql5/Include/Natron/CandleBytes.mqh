// A candle as the bridge takes it: MqlRates as it lies in memory, 60 bytes, little-endian; its time is UTC.
#include "ByteBuffer.mqh"

//--- a double and its 64 bits
union URealBits
  {
   double            real;
   long              bits;
  };

class CCandleBytes
  {
private:
   static void       AddReal(CByteBuffer &bulk,const double value)
     {
      URealBits both;
      both.real=value;
      bulk.AddLittle(both.bits,8);
     }

public:
   static void       Add(CByteBuffer &bulk,const MqlRates &rate,const long utc_s)
     {
      bulk.AddLittle(utc_s,8);
      AddReal(bulk,rate.open);
      AddReal(bulk,rate.high);
      AddReal(bulk,rate.low);
      AddReal(bulk,rate.close);
      bulk.AddLittle(rate.tick_volume,8);
      bulk.AddLittle(rate.spread,4);
      bulk.AddLittle(rate.real_volume,8);
     }
  };

// HMAC-SHA256 by CryptEncode, which has the hash and not the code.
#include "ByteBuffer.mqh"

#define HMAC_BLOCK  64
#define HMAC_DIGITS 64

class CHmac
  {
private:
   uchar             m_key[];
   bool              m_set;

   static int        Digit(const int letter)
     {
      if(letter>='0' && letter<='9')
         return(letter-'0');
      if(letter>='a' && letter<='f')
         return(letter-'a'+10);
      return(-1);
     }
   static bool       Hash(const CByteBuffer &data,uchar &digest[])
     {
      uchar bytes[];
      uchar no_key[];
      data.Copy(bytes,0,data.Size());
      return(CryptEncode(CRYPT_HASH_SHA256,bytes,no_key,digest)==32);
     }

public:
                     CHmac(void) { m_set=false; }
   bool              IsSet(void) const { return(m_set); }
   //--- takes a key of 64 lower-case hex digits
   bool              SetKey(const string hex)
     {
      m_set=false;
      if(StringLen(hex)!=64)
         return(false);
      ArrayResize(m_key,32);
      for(int at=0; at<32; at++)
        {
         int high=Digit((int)StringGetCharacter(hex,2*at));
         int low=Digit((int)StringGetCharacter(hex,2*at+1));
         if(high<0 || low<0)
            return(false);
         m_key[at]=(uchar)(16*high+low);
        }
      m_set=true;
      return(true);
     }
   static string     Hex(const uchar &bytes[])
     {
      string digits="0123456789abcdef";
      string text="";
      for(int at=0; at<ArraySize(bytes); at++)
         text+=StringSubstr(digits,(int)bytes[at]>>4,1)+StringSubstr(digits,(int)bytes[at]&15,1);
      return(text);
     }
   static string     Digest(const CByteBuffer &data)
     {
      uchar digest[];
      return(Hash(data,digest) ? Hex(digest) : "");
     }
   //--- 64 digits over `count` bytes; empty where there is no key or no hash
   string            Sign(const uchar &bytes[],const int start,const int count) const
     {
      if(!m_set)
         return("");
      CByteBuffer inner;
      CByteBuffer outer;
      uchar digest[];
      for(int at=0; at<HMAC_BLOCK; at++)
        {
         int key=at<32 ? (int)m_key[at] : 0;
         inner.Add(key^0x36);
         outer.Add(key^0x5C);
        }
      inner.AddBytes(bytes,start,count);
      if(!Hash(inner,digest))
         return("");
      outer.AddBytes(digest,0,32);
      return(Digest(outer));
     }
   //--- compares in constant time
   static bool       Same(const string digits,const uchar &bytes[],const int start,const int count)
     {
      if(StringLen(digits)!=HMAC_DIGITS || count!=HMAC_DIGITS)
         return(false);
      int difference=0;
      for(int at=0; at<HMAC_DIGITS; at++)
         difference|=(int)StringGetCharacter(digits,at)^(int)bytes[start+at];
      return(difference==0);
     }
  };
